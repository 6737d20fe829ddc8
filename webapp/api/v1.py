"""The API's parts put together, and how it says no."""

from django.http import Http404
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError

from nas_engine import __version__
from nas_engine.errors import ConfigError
from webapp.api import machines, results, searches, trainings
from webapp.api.access import ACCESS

api = NinjaAPI(
    title="Nasturtium",
    version=__version__,
    description="Everything is done on behalf of the token's owner. Errors are JSON: problems by field (422), or a message.",
    openapi_url=None,  # served below, to those who may come in
    docs_url=None,
    auth=ACCESS,
    urls_namespace="api-v1",
)
api.add_router("/searches", searches.router)
api.add_router("/trainings", trainings.router)
api.add_router("", results.router)
api.add_router("", machines.router)


@api.get("/openapi.json", include_in_schema=False, url_name="openapi")
def openapi(request):
    return api.get_openapi_schema(path_prefix="/api/v1/")


@api.exception_handler(ConfigError)
def _refused(request, error: ConfigError):
    return api.create_response(request, {"problems": error.problems}, status=422)


@api.exception_handler(ValidationError)
def _malformed(request, error: ValidationError):
    # ("body", "wanted", "set") -> "set": where it lies for whoever wrote the request
    problems = {".".join(map(str, each["loc"][2:] or each["loc"][1:])): each["msg"] for each in error.errors}
    return api.create_response(request, {"problems": problems}, status=422)


@api.exception_handler(Http404)
def _missing(request, error: Http404):
    return api.create_response(request, {"message": str(error)}, status=404)


@api.exception_handler(AuthenticationError)
def _stranger(request, error: AuthenticationError):
    text = "Send a token: “Authorization: Bearer nst_…”. The page “API and tokens” of the account menu makes one."
    response = api.create_response(request, {"message": text}, status=401)
    response["WWW-Authenticate"] = "Bearer"
    return response


urls = api.urls
for pattern in urls[0]:
    pattern.callback.login_required = False  # the API asks who it is itself, and answers in JSON
