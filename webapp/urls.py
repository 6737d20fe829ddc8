"""The site map."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from webapp.views import frame, health, home, jump, login

urlpatterns = [
    path("", home.home, name="home"),
    path("healthz", health.healthz, name="healthz"),
    # who may come in
    path("login/", login.Login.as_view(), name="login"),
    path("login/<str:token>/", login.login_link, name="login-link"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("password/", login.password, name="password"),
    # the bar
    path("theme/", frame.theme, name="theme"),
    path("jump/", jump.jump, name="jump"),
]

handler400 = "webapp.views.errors.bad_request"
handler403 = "webapp.views.errors.forbidden"
handler404 = "webapp.views.errors.not_found"
handler500 = "webapp.views.errors.server_error"
