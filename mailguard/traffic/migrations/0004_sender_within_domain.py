from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('traffic', '0003_usage'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='attempt',
            name='attempt_sender',
        ),
        migrations.RemoveIndex(
            model_name='attempt',
            name='attempt_domain',
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['domain_key', 'at', 'sender_key'], name='attempt_domain'),
        ),
    ]
