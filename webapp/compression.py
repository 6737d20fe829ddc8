"""Pages and tables leave compressed; weights, bundles and images, which do not shrink, leave as they are."""

from django.middleware.gzip import GZipMiddleware

TEXT = ("text/", "application/json", "image/svg+xml")


class CompressText(GZipMiddleware):
    """Django's compression (with its random padding against BREACH) for text alone."""

    def process_response(self, request, response):
        if not response.get("Content-Type", "").startswith(TEXT):
            return response
        return super().process_response(request, response)
