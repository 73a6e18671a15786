from django.urls import path

from havre.inbox import views

urlpatterns = [
    path("a-faire/<uuid:id>/fait/", views.done, name="work-item-done"),
]
