"""Names as people and offices write them: groups that are one name, and pairs that are two.

Common names only, of nobody in particular. A group of n spellings makes n(n−1)/2 pairs.
"""

from __future__ import annotations

from itertools import combinations

ONE_NAME = """
Moreau, Moro, Moreaux, Moraud
Dupond, Dupont
Lefebvre, Lefèvre, Lefevre, LEFÈBVRE
Gaëlle, Gael, Gaelle, Gaël
Philippe, Filip, Philip, Filipe
Catherine, Katrine, Katherine, Cathrine
Jean-Baptiste, Jean Baptiste, Jeanbaptiste, Jean-Batiste
Le Goff, Legoff, Le Gof
de La Fontaine, Delafontaine, De Lafontaine, de la Fontène
Thierry, Tierry, Thiery
Benoît, Benois, Benoit
Jacques, Jaques, Jack
Nicolas, Nicola, Nikolas
Bernard, Bernar, Bernart
Arnaud, Arnault, Arno
Thibault, Thibaut, Tibo, Thibaud
François, Francois, Fransois
Christophe, Cristof, Kristof
Hélène, Helene, Elène
Henri, Henry, Enri
Jérôme, Gérôme, Jerome
Xavier, Xavié, Xavyer
Sophie, Sofie, Sophy
Mickaël, Michael, Mikael, Mickael
Stéphane, Stefane, Stephane
Geoffroy, Jofroi, Geoffroi
Mathieu, Matthieu, Mathieux
Marc, Mark, Marque
Loïc, Loic, Loïk
Mohamed, Mohammed, Muhammad, Mouhamed, Mohamad, Mhamed, M'hamed, محمد, Мухаммад
Abdelkader, Abd el Kader, Abdul Qadir, Abdoulkader, Abd-El-Kader, Abdel Kader, عبد القادر
Youssef, Yusuf, Youcef, Yousouf, يوسف
Fatima, Fatma, فاطمة
Hussein, Hocine, Houssine, Hossein, Hussain, حسين
Ahmed, Ahmad, أحمد, Akhmed
Khadija, Hadidja, Kadidja, Khadidja, خديجة
Aïcha, Aisha, Aysha, Aicha
Saïd, Said, Saeed, سعيد
Omar, Umar, Oumar, عمر
Othmane, Osman, Ousmane, Usman
Oussama, Usama, Osama, أسامة
Cheikh, Sheikh, Cheick
Ali, Aly, علي
Karim, Kareem, كريم
N'Diaye, Ndiaye, N’Diaye, N Diaye, Njie
Diallo, Dialo, Jallow
Traoré, Traore, TRAORÉ
Coulibaly, Koulibali, Coulibali
Oleksandr, Olexandr, Олександр
Rahmatullah, Rahmat Ullah, Rahmatoullah
Tesfaye, Tesfay
Souleymane, Suleiman, Soulaimane, Slimane
Noureddine, Nour Eddine, Nour-ed-Dine, Nourdine, Nureddin
Mustapha, Moustafa, Mostafa, مصطفى
Khaled, Khalid, Kaled, خالد
Rachid, Rashid, رشيد
Meriem, Mariam, Maryam, Myriam, مريم
Walid, Oualid, Waleed, وليد
Amadou, Ahmadou, Hamadou
Touré, Toure, Turay
Camara, Kamara
Ouattara, Wattara
Volodymyr, Volodimir, Володимир
Serhii, Serhiy, Сергій
Yuliia, Yulia, Юлія, Julia
Monsieur de la gare 2, monsieur de la Gare 2, Mr de la gare 2

Delacroix, De la Croix, Delacroi
Guillaume, Guilaume
Raphaël, Rafael, Raphael
Joseph, Josef, Josephe
Frédéric, Frederik, Fredéric
Éric, Erik, Erick
Zoé, Zoe, Zoë
Maxime, Maxim, Maksim
Chloé, Cloé, Kloe
Isabelle, Izabel, Isabel
Laurent, Lorent, Laurant
Grégoire, Gregoire, Grégoir
Sylvain, Silvain
Renaud, Reno, Renault
Agathe, Agate
Lambert, Lamber
Chevalier, Chevallier
Perrot, Pero, Perreau
D'Almeida, Dalmeida, D Almeida
Saint-Pierre, Saint Pierre, Saintpierre
Mourad, Murad, مراد
Yassine, Yacine, Yassin, ياسين
Djamel, Jamel, Jamal, جمال
Bachir, Bashir, Béchir
Zineb, Zaynab, Zeinab, زينب
Leïla, Layla, Leila, ليلى
Ibrahim, Ibrahime, إبراهيم
Tarek, Tariq, Tarik, طارق
Soufiane, Sofiane, Sufyan, سفيان
Mahmoud, Mahmud, محمود
Daoud, Dawood, Dawud
Marouane, Marwan, Marwane, مروان
Fouad, Fuad, فؤاد
Abdallah, Abdullah, Abdoullah, عبد الله
Chérif, Sharif, Cherif
Hamza, Hamsa, حمزة
Nadia, Nadya, نادية
Samira, Sameera, سميرة
Ben Ali, Benali, Ben-Ali
El Amrani, Elamrani
El Amrani, Amrani
Mokhtar, Moktar, Mukhtar
Haoua, Hawa, Awa
Kouyaté, Kouyate, Couyaté
Sissoko, Cissoko, Sisoko
Diakité, Diakite
Boubacar, Boubakar, Bubacar
Cissé, Sissé, Cisse
Konaté, Conaté, Konateh
Rahimi, Raheemi, رحیمی
Zabihullah, Zabih Ullah, Zabihoullah
Hosseini, Hussaini, Housseini, حسینی
Berhane, Birhane, Berhan
Haile, Hayle, Hailé
Yohannes, Johannes, Yohanes
Dmytro, Dmitro, Дмитро
Kateryna, Katerina, Катерина
Natalia, Nathalia, Наталія
Aleksei, Alexey, Алексей
Ionescu, Jonescu

Sébastien, Sebastien, Sébastian
Véronique, Veronik, Véronic
Stéphanie, Stefanie, Stephany
Emmanuel, Emanuel, Émmanuel
Gauthier, Gautier
Chrystelle, Christelle, Cristel
Alexandre, Alexendre, Aleksandre
Brigitte, Brigite, Bridgitte
Marguerite, Margerite
Mathilde, Matilde
Fabrice, Fabris
Edouard, Édouard, Eduard
Guérin, Gerin, Guerin
Lacroix, La Croix
Dubois, Duboi
Rousseau, Rousso, Rouseau
Lemaitre, Lemaître, Le Maître
Marchand, Marchant
Renaud, Renault
Chauvin, Chovin
Gautier, Gotier
Brahim, Braheem, Ibrahim
Zakaria, Zakariya, Zacharia
Abderrahmane, Abdurrahman, Abderahman, Abd Rahman
Ismaël, Ismail, Ismaïl, Smail
Hichem, Hicham, Hisham
Redouane, Ridwan, Redwane
Nassim, Nacim, Naseem
Bouchra, Bushra
Houria, Hourya
Jaouad, Jawad, Djaouad
Ayoub, Ayyub, Ayub
Ilyes, Ilyas, Elias
Rim, Reem
Lotfi, Lutfi
Haroun, Harun
Tahar, Taher
Ghazi, Gazi
Chaïma, Shaima, Chayma
Khalifa, Kalifa, Khalifah
Kheira, Keira
Yasmine, Jasmine, Yasmin
Aminata, Aminatta
Mariama, Mariyama
Seydou, Saidou
Bakary, Bacary, Bakari
Dembélé, Dembele
Sangaré, Sangare, Sangareh
Tounkara, Tunkara
Doumbia, Dumbia, Doumbya
Gueye, Guèye, Geye
Diouf, Dyouf
Sané, Sane
Nazanin, Naznin
Mahdi, Mehdi
Najibullah, Najib Ullah, Nadjibullah
Shirin, Chirine
Gulnara, Goulnara
Tatiana, Tatyana, Татьяна
Svitlana, Світлана
Mykola, Микола
Yevhen, Євген
Selamawit, Selamaouit
Gebremariam, Gebre Mariam, Ghebremariam
Fitsum, Fitsoum
Rodrigues, Rodriguez
Fernandes, Fernandez
Gonçalves, Goncalves
Nowak, Novak
Mihai, Mihay
نبيل, Nabil
ياسمين, Yasmine
إسماعيل, Ismail
صالح, Salah
هشام, Hicham
عائشة, Aïcha
بلال, Bilal
جواد, Jawad
كمال, Kamel
نورة, Noura
"""

TWO_NAMES = """
Karim / Karima
Amina / Amine
Marie / Marc
Ali / Alia
Jean / Jeanne
Paul / Paule
Fatima / Fatoumata
Saïd / Sayed
Mohamed / Mamadou
Mohamed / Mahmoud
Mohamed / Ahmed
Ahmed / Hamid
Hassan / Hussein
Hassan / Hassiba
Karim / Karam
Jamal / Jamila
Nabil / Nabila
Samir / Samira
Omar / Amar
Omar / Amir
Salim / Salima
Salma / Salima
Rahma / Rahima
Youssef / Yassine
Youssef / Younes
Moussa / Massa
Moussa / Aïssa
Issa / Moussa
Aïcha / Aïssatou
Fatou / Fanta
Mariam / Marwan
Sara / Samira
Lina / Luna
Lina / Lana
Léna / Luna
Laura / Lara
Nora / Nadia
Marie / Maria
Marie / Mario
Maria / Mario
Marine / Martine
Martin / Martine
Simon / Simone
Julien / Julienne
Julie / Julien
Fabien / Fabienne
Yvon / Yvonne
Yves / Yvette
Louis / Louise
Denis / Denise
François / Françoise
Christian / Christine
Christophe / Christian
Alain / Aline
Alain / Alan
Sylvain / Sylvie
Romain / Roman
Lucien / Lucie
Luc / Lucas
Laurent / Laurence
Vincent / Vincente
Clément / Clémence
Florent / Florence
Robert / Roberta
Bernard / Bernadette
Henri / Henriette
Michel / Michaël
Pierre / Perrine
Claude / Claudia
Claudine / Claudette
Nicolas / Nicole
Jacques / Jacqueline
Georges / Georgette
Victor / Victoria
Olivier / Olivia
Thomas / Timothée
Mathieu / Mathilde
Moreau / Morin
Moreau / Mauriac
Dupont / Dubois
Durand / Dupond
Marin / Morin
Colin / Calin
Petit / Petrov
Girard / Gérard
Bernard / Renard
Leroy / Leroux
Roux / Roy
Blanc / Blanche
Fontaine / Fonteneau
Diallo / Diarra
Diallo / Dia
Diarra / Diaby
Ndiaye / Diop
Keita / Koita
Koné / Konaté
Touré / Traoré
Sow / Sy
Sylla / Sall
Camara / Kaba
Sissoko / Cissé
Malo / Malou
Oleksandr / Oleksandra
Oleksandr / Oleksii
Volodymyr / Vladimir
Ivan / Ivana
Serhii / Sergei
Anna / Anton
Olga / Oleg
Rahmatullah / Rahmat
Habibullah / Habib
Tesfaye / Tesfalem
Yonas / Yohannes
Abdelkader / Abdelkarim
Abdelkader / Abdallah
Abdelaziz / Abdelkarim
Noureddine / Nour
Nassim / Nassima
Driss / Idrissa

Adam / Ada
Alice / Alicia
André / Andréa
Antoine / Antoinette
Bruno / Bruna
Camille / Kamel
Cécile / Célia
Chloé / Clara
Daniel / Daniela
David / Davide
Emma / Emmanuel
Étienne / Estelle
Élise / Élisa
Gabriel / Gabin
Guy / Guillaume
Hugo / Hugues
Inès / Iris
Jérôme / Jérémie
Léon / Léa
Manon / Marion
Noé / Noa
Pascal / Pascaline
René / Renaud
Sophie / Sophia
Théo / Théa
Valérie / Valentin
Adil / Adila
Anis / Anissa
Bilal / Balla
Farid / Farida
Fouad / Farid
Habib / Habiba
Hakim / Hakima
Halima / Hakima
Hamza / Hamida
Jalil / Jalal
Kamel / Kamila
Khaled / Khalil
Latif / Latifa
Malik / Malika
Mourad / Mounir
Mounir / Mounira
Nadir / Nadira
Nasser / Nassira
Rachid / Rachida
Rachid / Rached
Samia / Samira
Samir / Samer
Sofiane / Sofia
Tarik / Tahar
Walid / Wahid
Zahra / Zara
Zineb / Zina
Amadou / Aminata
Aminata / Amina
Awa / Eva
Boubacar / Babacar
Ibrahima / Ibra
Kadiatou / Khadija
Modou / Mady
Ousmane / Oumar
Souleymane / Salman
Sékou / Saïkou
Bagayoko / Bakayoko
Sidibé / Soumaré
Ahmad / Ahmadzai
Karimi / Rahimi
Noori / Nazari
Hosseini / Hassani
Zaman / Zamani
Mehret / Merhawi
Selam / Salomon
Petro / Petra
Iryna / Irma
Maksym / Maryna
Andrii / Andreea
Ionescu / Popescu
Wei / Wang
Le Goff / Le Gall
Da Silva / Da Costa

Adrien / Adrienne
Alex / Alexis
Amélie / Émilie
Arthur / Aurore
Basile / Basma
Benjamin / Bérengère
Bertrand / Bernard
Capucine / Caroline
Céline / Cyril
Corentin / Coralie
Damien / Delphine
Denise / Denisa
Dorian / Doria
Éliott / Elliane
Gaston / Gustave
Gérald / Gérard
Hervé / Hortense
Jade / Jude
Joël / Joëlle
Josiane / Josette
Justin / Justine
Karine / Carina
Kevin / Kelvin
Ludovic / Ludivine
Magali / Magda
Marcel / Marcelline
Mélanie / Mélissa
Nathan / Nathalie
Odile / Odette
Patrick / Patricia
Quentin / Quitterie
Régis / Régine
Rémi / Romy
Samuel / Simon
Tanguy / Tania
Tom / Tim
Yann / Yanis
Bruneau / Brunet
Carpentier / Charpentier
Garnier / Grenier
Lemoine / Lemonnier
Masson / Maçon
Mercier / Messier
Picard / Pichard
Rolland / Renard
Abdou / Abdul
Adel / Adila
Asma / Ismaïl
Aziz / Aziza
Badr / Badra
Djamila / Jamal
Fadila / Fadel
Faouzi / Faouzia
Fayçal / Fadel
Hassan / Hassna
Houda / Hédi
Imane / Amani
Kaouther / Kamar
Lamia / Lamine
Leïla / Lila
Mansour / Mounir
Miloud / Malek
Nadjet / Nadjib
Naïma / Naïm
Rayan / Rayane
Sabrina / Sabri
Sami / Samia
Tayeb / Tahar
Zaki / Zakia
Adama / Adam
Bambou / Bamba
Dado / Dada
Demba / Dembo
Djibril / Djamila
Fanta / Fatou
Issiaka / Issa
Lassana / Lassine
Mamadou / Mamady
Oumou / Oumar
Penda / Binta
Samba / Simba
Yaya / Yéyé
Bah / Baye
Fall / Faye
Gassama / Gaye
Niang / Nian
Thiam / Tall
Wane / Wone
Ghulam / Gul
Jawid / Jawad
Mirwais / Mirza
Nasir / Nasrin
Shafiq / Shafiqa
Bohdan / Bogdana
Halyna / Hanna
Taras / Tamara
Vasyl / Vasylyna
Genet / Gebre
Hagos / Haile
Senait / Sennay
"""


def one_name() -> list[tuple[str, str]]:
    """Each pair of spellings of one name."""
    groups = [line.split(", ") for line in ONE_NAME.splitlines() if line]
    return [pair for group in groups for pair in combinations(group, 2)]


def two_names() -> list[tuple[str, str]]:
    """Each pair of different names."""
    lines = (line.partition(" / ") for line in TWO_NAMES.splitlines() if line)
    return [(first, second) for first, _, second in lines]
