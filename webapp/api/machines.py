"""What searches run on: data sets and workers."""

from ninja import Router

from webapp.api.answers import DatasetOut, WorkerOut
from webapp.forms.workers import alive_since
from webapp.models import Dataset, Worker

router = Router(tags=["machines"])


@router.get("/datasets", response=list[DatasetOut], summary="Data sets, ready or not")
def list_datasets(request):
    return Dataset.objects.order_by("slug")


@router.get("/workers", response=list[WorkerOut], summary="Workers that reported themselves lately")
def list_workers(request):
    since = alive_since()
    rows = list(Worker.objects.all())
    for row in rows:
        row.alive = row.heartbeat > since
    return rows
