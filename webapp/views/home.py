"""The first page: what runs, how to start, what came out."""

from django.shortcuts import render


def home(request):
    return render(request, "home.html", {"section": "home"})
