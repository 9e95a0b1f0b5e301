# ruff: noqa: E501, SIM905 - word lists are read in columns, not in lines
"""Words of the sample world: first names, family names, companies, places, phones. All invented or common; any likeness is chance."""

from __future__ import annotations

from typing import NamedTuple

FIRST = """Amelia Liam José Zoë Noah Sofía Ethan Chloé Mateo Ingrid Oliver Priya Lucas Siobhán Daniel Łukasz Grace Anaïs Henry Renée Omar
Hannah Björn Isabel Marek Fatima Theo Aaliyah Søren Nadia Gabriel Élodie Samuel Marta Jun Leila Patrick Inés Dmitri Beatriz Arjun Emma
Kwame Astrid Rafael Mei Thomas Yara Jürgen Camille Victor Aisha Peter Núria George Thandiwe Martin Eva Hugo Rosa Anton Maeve Carlos
Freya Walter Ines Tariq Helga Simon Lucía Robert Jana Kofi Clara Stefan Ruth Diego Olga Adam Selma Felix Naomi Ivan Tess Marcus Ada Jonas
Paula Erik Vera Colin Dora Luis Elsa Ray Nina Abel Iris Karl Joan""".split()

LAST = """O'Connor Müller García Nguyen Smith D'Angelo Kowalska Okafor Johansson Patel Dubois Hernández Murphy Łaski Brown Peña Schröder
Nakamura Walsh Ó'Súilleabháin Rossi Ferreira van_der_Berg Åkesson Novák Diallo Thompson Castañeda Lefèvre Haddad Jensen Mbeki Fitzgerald
Sørensen Petrov Al-Rashid Carter Guðmundsson Silva McAllister Boyd-Hughes Yıldız Andersen Ortiz Weiß Campbell Ivanova Reyes Baptiste Quinn
Horváth Lindqvist Owens Moreau Popescu Delacroix Grant Šimić Park Ramírez Hughes Keller Adeyemi Doyle Bianchi Voss Tremblay Gagné Ito
Marsh Çelik Holt de_la_Cruz Iyer Stone Kaur Fischer Beaumont Nilsen Osei Barrett Krüger Mensah Winters Rahman Søgaard Price Cohen Vargas
Pelletier Bauer Fraser Gupta Tanaka Lund Walker Rao Becker Mehta Lambert Frost""".split()

# Names that no Latin slug can be made of, and two people whose names look like an empty cell.
WHOLE = [
    ("Юлія", "Коваленко", "yuliia.kovalenko"), ("太郎", "山田", "taro.yamada"), ("Justin", "Null", "justin.null"), ("محمد", "الأحمد", "mohammed.alahmad"),
    ("芳", "王", "fang.wang"), ("Αλέξανδρος", "Παππάς", "alexandros.pappas"), ("None", "Achterberg", "none.achterberg"), ("אורי", "לוי", "uri.levi"),
]

STEM = """Alder Brightwater Copperfield Drumlin Eastgate Fairhaven Glenmore Harborview Ironwood Juniper Kestrel Larkspur Meridian Northfield Oakhurst
Pinecrest Quayside Redstone Silverlake Tamarack Upland Vantage Westbrook Yarrow Zephyr Ashdown Bluebell Cedar_Ridge Dovetail Evergreen Foxglove
Granite_Peak Highland Islington Jasper Kingsbridge Lighthouse Maplewood Nightingale Orchard Pemberton Quarry_Hill Riverside Summit Thistle Union
Valley Willow Blackthorn Clearwater Édouard Saint-Laurent Société_Lumière Grüner_Hof Ångström Peña_Blanca""".split()

KIND = [
    ("Dental Group", "Healthcare"), ("Logistics", "Transportation"), ("Foods", "Food & Beverage"), ("Architects", "Construction"),
    ("Brewing Co", "Food & Beverage"), ("Analytics", "Information Technology"), ("Veterinary Clinic", "Healthcare"), ("Property Management", "Real Estate"),
    ("Freight", "Transportation"), ("Academy", "Education"), ("Textiles", "Manufacturing"), ("Law Partners", "Legal Services"),
    ("Hotel", "Hospitality"), ("Robotics", "Manufacturing"), ("Credit Union", "Financial Services"), ("Farms", "Agriculture"), ("Media", "Marketing"),
    ("Machine Works", "Manufacturing"), ("Travel", "Hospitality"), ("Biotech", "Healthcare"), ("Security", "Information Technology"),
    ("Nurseries", "Agriculture"), ("Insurance Brokers", "Financial Services"), ("Printing", "Marketing"), ("Auto Parts", "Retail"),
]


class Place(NamedTuple):
    """A real town; ``phone`` takes four digits and lies in a range reserved for fiction, or is empty where no such range exists."""

    city: str
    region: str
    zip: str
    country: str
    phone: str
    suffix: str


US, CA, UK, DE, FR, AU, SE, IN = "United States", "Canada", "United Kingdom", "Germany", "France", "Australia", "Sweden", "India"
PLACES = [
    Place("Boston", "MA", "02139", US, "(617) 555-01{:02d}", "Inc."), Place("Portland", "ME", "04101", US, "207-555-01{:02d}", "LLC"),
    Place("Denver", "CO", "80202", US, "(303) 555-01{:02d}", "Inc."), Place("San José", "CA", "95113", US, "+1 408 555 01{:02d}", "Corp."),
    Place("Austin", "TX", "78701", US, "512.555.01{:02d}", "LLC"), Place("Newark", "NJ", "07102", US, "1-973-555-01{:02d} ext. 4", "Inc."),
    Place("Seattle", "WA", "98101", US, "(206) 555-01{:02d}", "LLC"), Place("Buffalo", "NY", "14202", US, "716-555-01{:02d}", "Inc."),
    Place("Toronto", "ON", "M5V 2T6", CA, "+1 416-555-01{:02d}", "Ltd."), Place("Montréal", "QC", "H2Y 1C6", CA, "514 555-01{:02d}", "Inc."),
    Place("London", "", "EC1A 1BB", UK, "020 7946 0{:03d}", "Ltd"), Place("Manchester", "", "M1 1AE", UK, "+44 161 496 0{:03d}", "Ltd"),
    Place("Berlin", "", "10115", DE, "+49 30 23125{:03d}", "GmbH"), Place("Köln", "", "50667", DE, "(0221) 4710{:03d}", "GmbH"),
    Place("Lyon", "", "69002", FR, "04 65 71 {:02d} 18", "SARL"), Place("Sydney", "NSW", "2000", AU, "(02) 5550 {:04d}", "Pty Ltd"),
    Place("Stockholm", "", "111 29", SE, "08-465 004 {:02d}", "AB"),
]
PLACES_BY_COUNTRY = {name: [p for p in PLACES if p.country == name] for name in (US, CA, UK, DE, FR, AU, SE)}
INDIA = [  # India reserves no numbers for fiction: these places have none
    Place("Bengaluru", "Karnataka", "560001", IN, "", "Pvt Ltd"), Place("Mumbai", "Maharashtra", "400001", IN, "", "Pvt Ltd"),
    Place("Pune", "Maharashtra", "411001", IN, "", "LLP"), Place("Chennai", "Tamil Nadu", "600001", IN, "", "Pvt Ltd"),
    Place("Jaipur", "Rajasthan", "302001", IN, "", "Pvt Ltd"), Place("Kochi", "Kerala", "682001", IN, "", "Ltd"),
]
STREETS = ["Main St", "Mill Lane", "Station Road", "Harbor Ave", "Elm Street", "Kings Road", "Church St", "Market Square", "2nd Avenue", "Park Drive", "Old Post Road"]
STREETS_BY_COUNTRY = {
    FR: ["rue de la République", "quai Saint-Antoine", "avenue Jean Jaurès"], DE: ["Hauptstraße", "Lindenallee", "Am Markt"],
    SE: ["Storgatan", "Kungsgatan", "Vasagatan"], IN: ["MG Road", "Residency Road", "Station Road"],
}
TITLES = ["Owner", "Office Manager", "Head of Facilities", "CFO", "Purchasing Lead", "Operations Director", "CEO", "IT Manager", "Practice Manager", "Assistant", "Directrice générale", ""]
