import pytest

from havre.reading.client import ReadingServer
from havre.reading.kinds import Kind
from havre.reading.readings import Limits, Problem
from tests.reading import samples


def test_each_page_of_a_pdf_is_shown_in_order(server: ReadingServer) -> None:
    reading = server.read_pages(samples.pdf_of_pages(3), Kind.PDF)
    assert (reading.problem, reading.page_count) == (None, 3)
    assert [(page.number, page.height) for page in reading.pages] == [(1, 2000), (2, 2000), (3, 2000)]
    assert samples.darkest(reading.pages[0].jpeg) < 20
    assert max(samples.opened(reading.pages[0].thumb).size) == 320


def test_what_was_typed_into_a_form_is_shown(server: ReadingServer) -> None:
    [page] = server.read_pages(samples.filled_form_pdf(), Kind.PDF).pages
    assert samples.darkest(page.jpeg) < 60


def test_ten_thousand_pages_are_counted_and_fifty_shown(server: ReadingServer) -> None:
    reading = server.read_pages(samples.pdf_of_pages(10_000), Kind.PDF, Limits(page_px=200, thumb_px=50))
    assert (reading.problem, reading.page_count, len(reading.pages)) == (None, 10_000, 50)


@pytest.mark.parametrize(
    ("box", "size"),
    [
        (b"0 0 1000000 1000000", (2000, 2000)),
        (b"0 0 1 1000000", (1, 2000)),
        (b"0 0 0.01 0.01", (2000, 2000)),
        (b"0 0 0 0", (1546, 2000)),
        (b"nonsense", (1546, 2000)),
    ],
)
def test_a_page_takes_its_pixels_whatever_size_it_declares(
    server: ReadingServer, box: bytes, size: tuple[int, int]
) -> None:
    [page] = server.read_pages(samples.pdf_of_pages(1, box=box), Kind.PDF).pages
    assert (page.width, page.height) == size


def test_a_pdf_locked_by_a_password_says_so(server: ReadingServer) -> None:
    reading = server.read_pages(samples.encrypted_pdf(opens_without_password=False), Kind.PDF)
    assert (reading.problem, reading.pages) == (Problem.ENCRYPTED, [])


def test_a_pdf_locked_only_against_changes_is_shown(server: ReadingServer) -> None:
    reading = server.read_pages(samples.encrypted_pdf(opens_without_password=True), Kind.PDF)
    assert (reading.problem, len(reading.pages)) == (None, 1)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", Problem.EMPTY),
        (samples.pdf_of_pages(0), Problem.EMPTY),
        (b"%PDF-1.4\n" + bytes(range(256)) * 40, Problem.BROKEN),
        (samples.pdf_of_pages(3)[:300], Problem.BROKEN),
        (b"no header at all", Problem.BROKEN),
    ],
)
def test_a_pdf_without_pages_says_why(server: ReadingServer, data: bytes, problem: Problem) -> None:
    reading = server.read_pages(data, Kind.PDF)
    assert (reading.problem, reading.pages) == (problem, [])


def test_a_page_that_cannot_be_loaded_ends_the_reading_after_those_before_it(server: ReadingServer) -> None:
    data = samples.pdf_of_pages(2).replace(b"6 0 obj\n<</Type/Page/", b"6 0 obj\n<</Type/Nope/")
    data = data.replace(b"[5 0 R 6 0 R]", b"[5 0 R 9 0 R]")
    reading = server.read_pages(data, Kind.PDF)
    assert (reading.problem, [page.number for page in reading.pages]) == (Problem.BROKEN, [1])


def test_a_decompression_bomb_is_too_heavy_and_its_pages_are_still_counted(server: ReadingServer) -> None:
    reading = server.read_pages(samples.pdf_bomb(), Kind.PDF)
    assert (reading.problem, reading.page_count, reading.pages) == (Problem.TOO_HEAVY, 1, [])


def test_a_document_that_needs_too_much_processor_is_too_heavy(server: ReadingServer) -> None:
    reading = server.read_pages(samples.pdf_bomb(), Kind.PDF, Limits(memory=2 << 30, cpu_seconds=1))
    assert reading.problem is Problem.TOO_HEAVY
