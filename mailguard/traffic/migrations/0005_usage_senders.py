from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('traffic', '0004_sender_within_domain'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='usage',
            name='usage_port',
        ),
        migrations.AddIndex(
            model_name='usage',
            index=models.Index(fields=['server', 'port', 'who', 'last_at', 'count'], name='usage_senders'),
        ),
    ]
