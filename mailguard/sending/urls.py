from django.urls import path

from mailguard.sending import readiness_views, views

app_name = "sending"
READINESS = "sending/readiness/"

urlpatterns = [
    path("sending/", views.index, name="index"),
    path(READINESS, readiness_views.index, name="readiness"),
    path(f"{READINESS}again/", readiness_views.again, name="check_again"),
    path(f"{READINESS}firewall/", readiness_views.let_in, name="let_in"),
    path(f"{READINESS}sign-in/", readiness_views.sign_in, name="sign_in"),
]
