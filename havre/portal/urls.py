"""Public pages: the first screen, help, legal, accessibility, languages, without a network."""

from django.urls import path

from havre.portal import pro, views

urlpatterns = [
    path("", views.home, name="home"),
    path("pro/", pro.pro, name="pro"),
    path("a-faire/<uuid:id>/fait/", pro.done, name="work-item-done"),
    path("aide/", views.help_page, name="help"),
    path("mentions-legales/", views.legal, name="legal"),
    path("accessibilite/", views.accessibility, name="accessibility"),
    path("langues/", views.languages, name="languages"),
    path("hors-ligne/", views.offline, name="offline"),
]
