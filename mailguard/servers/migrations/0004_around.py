from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('servers', '0003_written_as'),
    ]

    operations = [
        migrations.AddField(
            model_name='observed',
            name='around',
            field=models.JSONField(default=dict),
        ),
    ]
