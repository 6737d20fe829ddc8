from django.db import migrations, models


def fill(apps, schema_editor):
    """Write down the operations of the cells that are there already."""
    records = apps.get_model('webapp', 'CellRecord').objects.filter(operations='')
    batch = []
    for record in records.iterator(chunk_size=1000):
        names = {name for cell in record.cells for name in _names(cell) if name}
        record.operations = f" {' '.join(sorted(names))} "
        batch.append(record)
        if len(batch) == 1000:
            records.bulk_update(batch, ['operations'])
            batch = []
    records.bulk_update(batch, ['operations'])


def _names(cell):
    if 'blocks' in cell:
        return [name for _, left, _, right, _ in cell['blocks'] for name in (left, right)]
    return [node[3].replace(' ', '_') for node in cell['nodes']]


class Migration(migrations.Migration):

    dependencies = [
        ('webapp', '0004_leaderboard_index'),
    ]

    operations = [
        migrations.AddField(
            model_name='cellrecord',
            name='operations',
            field=models.TextField(blank=True, default='', help_text='As operations_of() writes them, to find cells by'),
            preserve_default=False,
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='cellrecord',
            index=models.Index(fields=['key', 'operations'], name='operations_of_cells'),
        ),
        migrations.AddIndex(
            model_name='trial',
            index=models.Index(fields=['search', '-valid_accuracy', 'number'], name='best_of_search'),
        ),
    ]
