from django.urls import path

from demo import views

urlpatterns = [
    path("demonstration/", views.who, name="demo-who"),
    path("demonstration/messages/", views.messages, name="demo-messages"),
]
