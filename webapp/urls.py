"""The site map."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from webapp.views import (
    cells,
    datasets,
    downloads,
    frame,
    health,
    home,
    jump,
    leaderboard,
    login,
    models,
    published,
    search_live,
    search_new,
    searches,
    training_new,
    trainings,
    weights,
    workers,
)

urlpatterns = [
    path("", home.home, name="home"),
    path("live/", home.home_live, name="home-live"),
    path("healthz", health.healthz, name="healthz"),
    # who may come in
    path("login/", login.Login.as_view(), name="login"),
    path("login/<str:token>/", login.login_link, name="login-link"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("password/", login.password, name="password"),
    # searches
    path("searches/new/", search_new.search_new, name="search-new"),
    path("searches/new/preview/", search_new.search_preview, name="search-preview"),
    path("presets/<slug:slug>/start/", search_new.preset_start, name="preset-start"),
    path("searches/", searches.searches, name="searches"),
    path("searches/live/", search_live.searches_live, name="searches-live"),
    path("searches/<int:pk>/", searches.search, name="search"),
    path("searches/<int:pk>/live/", search_live.search_live, name="search-live"),
    path("searches/<int:pk>/policy/<int:number>/", search_live.policy, name="search-policy"),
    path("searches/<int:pk>/config.json", searches.search_config, name="search-config"),
    path("searches/<int:pk>/log.txt", searches.search_log, name="search-log"),
    path("searches/<int:pk>/pause/", searches.search_pause, name="search-pause"),
    path("searches/<int:pk>/resume/", searches.search_resume, name="search-resume"),
    path("searches/<int:pk>/stop/", searches.search_stop, name="search-stop"),
    path("searches/<int:pk>/trials/<int:number>/", searches.trial, name="trial"),
    path("searches/<int:pk>/trials/<int:number>/live/", search_live.trial_live, name="trial-live"),
    path("searches/<int:pk>/trials/<int:number>/retry/", searches.trial_retry, name="trial-retry"),
    # cells
    path("published/", published.published_cells, name="published"),
    path("published/<slug:name>/", published.published_cell, name="published-cell"),
    path("leaderboard/", leaderboard.leaderboard, name="leaderboard"),
    path("leaderboard/cells.csv", downloads.leaderboard_csv, name="leaderboard-csv"),
    path("leaderboard/cells.json", downloads.leaderboard_json, name="leaderboard-json"),
    path("cells/import/", published.cell_import, name="cell-import"),
    path("cells/<str:key>/", cells.cell, name="cell"),
    path("cells/<str:key>/cell.json", cells.cell_json, name="cell-json"),
    path("cells/<str:key>/<slug:kind>.svg", cells.cell_svg_file, name="cell-svg"),
    path("trials/<int:pk>/bundle.zip", weights.bundle, name="weights"),
    path("trials/<int:pk>/weights/", weights.weights_request, name="weights-request"),
    path("trials/<int:pk>/weights/live/", weights.weights_live, name="weights-live"),
    path("trials/<int:pk>/valid.zip", weights.valid_images, name="dataset-valid-zip"),
    # full trainings and the models they leave
    path("models/", models.models, name="models"),
    path("models/live/", models.models_live, name="models-live"),
    path("models/<int:pk>/", models.model, name="model"),
    path("models/<int:pk>/bundle.zip", models.bundle, name="model-bundle"),
    path("models/<int:pk>/files/<str:name>", models.bundle_file, name="model-file"),
    path("models/<int:pk>/try/", models.try_it, name="model-try"),
    path("trainings/new/", training_new.training_new, name="training-new"),
    path("trainings/new/preview/", training_new.training_preview, name="training-preview"),
    path("trainings/cost/<int:pk>/live/", training_new.cost_live, name="training-cost"),
    path("trainings/<int:pk>/", trainings.training, name="training"),
    path("trainings/<int:pk>/live/", trainings.training_live, name="training-live"),
    path("trainings/<int:pk>/log.txt", trainings.training_log, name="training-log"),
    path("trainings/<int:pk>/config.json", trainings.training_config, name="training-config"),
    path("trainings/<int:pk>/pause/", trainings.training_pause, name="training-pause"),
    path("trainings/<int:pk>/resume/", trainings.training_resume, name="training-resume"),
    path("trainings/<int:pk>/stop/", trainings.training_stop, name="training-stop"),
    path("trainings/<int:pk>/retry/", trainings.training_retry, name="training-retry"),
    # data sets and workers
    path("datasets/", datasets.datasets, name="datasets"),
    path("datasets/live/", datasets.datasets_live, name="datasets-live"),
    path("datasets/add/", datasets.dataset_add, name="dataset-add"),
    path("datasets/<slug:slug>/", datasets.dataset, name="dataset"),
    path("datasets/<slug:slug>/mosaic.png", datasets.mosaic, name="dataset-mosaic"),
    path("datasets/<slug:slug>/classes/<int:label>.png", datasets.class_strip, name="dataset-class"),
    path("datasets/<slug:slug>/retry/", datasets.dataset_retry, name="dataset-retry"),
    path("datasets/<slug:slug>/remove/", datasets.dataset_remove, name="dataset-remove"),
    path("workers/", workers.workers, name="workers"),
    path("workers/live/", workers.workers_live, name="workers-live"),
    # the bar
    path("theme/", frame.theme, name="theme"),
    path("jump/", jump.jump, name="jump"),
]

handler400 = "webapp.views.errors.bad_request"
handler403 = "webapp.views.errors.forbidden"
handler404 = "webapp.views.errors.not_found"
handler500 = "webapp.views.errors.server_error"
