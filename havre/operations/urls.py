from django.urls import path

from havre.operations import views

urlpatterns = [
    path("pro/instance/", views.instance, name="instance"),
    path("pro/instance/alertes/<uuid:id>/vue/", views.alarm_seen, name="alarm-seen"),
]
