from django.urls import path

from havre.organisations import views

urlpatterns = [
    path("structure/", views.structure, name="structure"),
    path("structure/membres/<uuid:id>/fin/", views.membership_end, name="membership-end"),
    path("invitation/<str:token>/", views.invitation, name="invitation"),
]
