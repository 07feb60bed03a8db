from django.urls import path

from mailguard.sending import (
    network_views,
    readiness_views,
    settings_views,
    steps_views,
    user_views,
    views,
)

app_name = "sending"
NETWORKS = "sending/networks/"
READINESS = "sending/readiness/"

urlpatterns = [
    path("sending/", views.index, name="index"),
    path("sending/switch/<str:key>/", views.switch, name="switch"),
    path("sending/confirm/<str:key>/", views.confirm, name="confirm"),
    path("sending/steps/", steps_views.index, name="steps"),
    path("sending/steps/mark/", steps_views.mark, name="mark"),
    path(READINESS, readiness_views.index, name="readiness"),
    path(f"{READINESS}again/", readiness_views.again, name="check_again"),
    path(f"{READINESS}firewall/", readiness_views.let_in, name="let_in"),
    path(f"{READINESS}sign-in/", readiness_views.sign_in, name="sign_in"),
    path("sending/users/", user_views.users, name="users"),
    path("sending/auth-on-25/", user_views.auth_off, name="auth_off"),
    path(NETWORKS, network_views.index, name="networks"),
    path(f"{NETWORKS}add/", network_views.add_network, name="add_network"),
    path(f"{NETWORKS}remove/", network_views.remove_network, name="remove_network"),
    path(f"{NETWORKS}note/", network_views.note_network, name="note_network"),
    path("sending/settings/", settings_views.client_settings, name="settings"),
]
