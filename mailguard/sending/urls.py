from django.urls import path

from mailguard.sending import settings_views, user_views, views

app_name = "sending"

urlpatterns = [
    path("sending/", views.index, name="index"),
    path("sending/users/", user_views.users, name="users"),
    path("sending/auth-on-25/", user_views.auth_off, name="auth_off"),
    path("sending/settings/", settings_views.client_settings, name="settings"),
]
