from django.apps import AppConfig


class TrafficConfig(AppConfig):
    name = "mailguard.traffic"
