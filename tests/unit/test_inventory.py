from ml.deployment import inventory

STATUS = """Package: libc6
Status: install ok installed
Version: 2.36-9+deb12u13
Description: GNU C Library
 Version: not this one

Package: gone
Status: deinstall ok config-files
Version: 1.0
"""


def test_only_installed_debian_packages_are_listed():
    assert inventory.debian(STATUS) == {"libc6": "2.36-9+deb12u13"}


def test_an_image_without_debian_packages_lists_none():
    assert inventory.debian("") == {}


def test_packages_of_the_lock_and_of_the_base_are_distinguished():
    said = {
        "python": "3.11.14",
        "packages": [["Typing_Extensions", "4.16.0", "/app/lib"], ["pip", "24.0", "/usr/local/lib/python3.11"]],
        "debian": "",
        "system": 'ID=debian\nVERSION_ID="12"\n',
    }

    found = inventory.parse(said)

    assert found.locked == {"typing-extensions": "4.16.0"}
    assert found.base == {"pip": "24.0"}
    assert found.system == "debian-12"


def test_every_difference_from_the_lock_is_named():
    wrong = inventory.unlike({"a": "1", "b": "2", "extra": "3"}, {"a": "1", "b": "1", "lost": "4"})

    assert wrong == [
        "b: 2 in the image, 1 in the lock",
        "extra: 3 in the image, absent in the lock",
        "lost: absent in the image, 4 in the lock",
    ]
