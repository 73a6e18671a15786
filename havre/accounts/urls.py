from django.urls import path

from havre.accounts import views

urlpatterns = [
    path("connexion/", views.sign_in, name="sign-in"),
    path("connexion/code/", views.code, name="sign-in-code"),
    path("deconnexion/", views.sign_out, name="sign-out"),
    path("mon-compte/", views.account, name="account"),
]
