"""Who may come in: the login page, the one-time link, the password."""

from django.contrib import messages
from django.contrib.auth import login as start_session
from django.contrib.auth import update_session_auth_hash, views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from webapp.services import owner, throttle

BY_LINK = "came_by_link"  # session key


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "Name and password do not match.",
        "inactive": "This account is switched off.",
    }


@method_decorator(login_not_required, name="dispatch")
class Login(views.LoginView):
    template_name = "login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def post(self, request, *args, **kwargs):
        if throttle.tries_left(*self._who()) == 0:
            form = self.get_form()
            form.is_bound = False  # the password is not looked at
            return self.render_to_response(
                self.get_context_data(form=form, paused=True, typed=self._who()[0]), status=429
            )
        return super().post(request, *args, **kwargs)

    def form_valid(self, form):
        throttle.succeeded(*self._who())
        return super().form_valid(form)

    def form_invalid(self, form):
        left = throttle.failed(*self._who())
        return self.render_to_response(self.get_context_data(form=form, tries=left, typed=self._who()[0]))

    def _who(self) -> tuple[str, str]:
        return self.request.POST.get("username", ""), self.request.META.get("REMOTE_ADDR", "")


@never_cache
@login_not_required
@require_GET
def login_link(request, token):
    """Let the reader of a one-time link in. A used or old link says where to find a new one."""
    if request.user.is_authenticated:
        return redirect("home")
    user = owner.redeem(token)
    if user is None:
        return render(request, "login_link.html", status=410)
    start_session(request, user, backend="django.contrib.auth.backends.ModelBackend")
    request.session[BY_LINK] = True
    return redirect("home")


def password(request):
    """Set or change one's password. Other sessions of the account end; this one goes on.

    Who came by a one-time link need not know the old password: the link is how a forgotten one is replaced.
    """
    knows_old = request.user.has_usable_password() and not request.session.get(BY_LINK)
    form_class = PasswordChangeForm if knows_old else SetPasswordForm
    form = form_class(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        update_session_auth_hash(request, form.user)
        messages.success(request, f"Password set. You can sign in as {request.user.username} with it.")
        return redirect("home")
    return render(request, "password.html", {"form": form})
