"""Static files: hashed names for ever-lasting caches, ES module imports rewritten to match, plotly.js from its own wheel."""

from django.contrib.staticfiles.apps import StaticFilesConfig
from whitenoise.storage import CompressedManifestStaticFilesStorage


class Storage(CompressedManifestStaticFilesStorage):
    """Rewrites `import './x.js'` to the hashed name. Do not re-export (`export … from`): that is hashed twice."""

    support_js_module_import_aggregation = True


class Static(StaticFilesConfig):
    """Leaves out what no page loads: django-htmx's unminified parts and plotly's widget bundle and data sets."""

    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        "hx-*",
        "htmx-?.js",
        "htmx-4*",
        "htmax-*",
        "widgetbundle.js",
        "datasets",
        "templates",
    ]
