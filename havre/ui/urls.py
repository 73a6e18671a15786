"""Addresses of the layout itself: language, installable shell, living grammar."""

from django.urls import path

from havre.ui import grammar, views

urlpatterns = [
    path("langue/", views.set_language, name="set-language"),
    path("manifest.webmanifest", views.manifest, name="manifest"),
    path("sw.js", views.service_worker, name="service-worker"),
    path("robots.txt", views.robots, name="robots"),
    path("grammaire/", grammar.grammar, name="grammar"),
]
