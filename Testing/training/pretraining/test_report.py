import base64
import html.parser
import io
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from Testing.training.pretraining.small_run import small_probe, train
from voco3d.errors import VoCoError
from voco3d.pretraining.monitoring.columns import PROBE_COLUMNS
from voco3d.pretraining.monitoring.examples import read_examples
from voco3d.pretraining.monitoring.monitor import Monitor
from voco3d.pretraining.monitoring.report import SECTIONS, draw_figures, make_page, write_report
from voco3d.training.record import append_row, keep_rows, read_rows


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "small run"
    console = Console(file=io.StringIO())
    monitor = Monitor(run, small_probe(), log_every=1, probe_every=3, warmup=100, console=console)
    train(run, [monitor], 6)
    (run / "config.yaml").write_text("recipe: paper\nnetwork:\n  name: <unet & co>\n")
    return run


@pytest.fixture(scope="module")
def report(finished):
    return write_report(finished)


@pytest.fixture
def run(finished, tmp_path):
    drawn = shutil.ignore_patterns("report")
    shutil.copytree(finished, tmp_path / "small run", ignore=drawn)
    return tmp_path / "small run"


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.sources, self.tags, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        names = ("src", "href", "data", "srcset", "action")
        self.sources += [value for name, value in attributes if name in names]

    def handle_data(self, data):
        self.text += data + " "


def test_the_page_needs_nothing_from_outside(report):
    text = report.read_text("utf-8")
    page = Page(text)
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    rest = re.sub(r"base64,[^\"]+", "", text)
    assert "http" not in rest
    assert "url(" not in rest
    assert "@import" not in rest


def test_the_pictures_in_the_page_are_the_files_beside_it(report):
    page = Page(report.read_text("utf-8"))
    inside = [base64.b64decode(source.split(",", 1)[1]) for source in page.sources]
    names = [name for names, _ in SECTIONS.values() for name in names]
    assert inside == [(report.with_name(f"{name}.png")).read_bytes() for name in names]
    assert {path.name for path in report.parent.iterdir()} == {f"{n}.png" for n in names} | {
        "report.html"
    }
    for png in inside:
        image = np.asarray(Image.open(io.BytesIO(png)).convert("L"))
        assert image.std() > 5


def test_the_figures_in_the_page_are_those_of_the_records(finished, report):
    run = finished
    text = re.sub(r"\s+", " ", Page(report.read_text("utf-8")).text)
    probe = read_rows(run / "logs" / "probe.csv")[-1]
    training = read_rows(run / "logs" / "training.csv")[-1]
    for part in (
        f"Position accuracy {probe['top1']:.2f} chance 0.25 · untrained {probe['untrained']:.2f}",
        f"On reference bases {probe['reference_top1']:.2f}",
        f"Overlap error {probe['overlap_error']:.3f} always 0: 0.250",
        f"Effective rank {probe['effective_rank']:.1f}",
        f"Similarity of bases {probe['similarity']:.2f}",
        f"Volumes a second {training['volumes_per_second']:.3g}",
        "small run",
        "Step 6 of 6, after ",
        "recipe: paper",
        "<unet & co>",
    ):
        assert part in text


def test_curves_and_matrices_are_those_of_the_records(finished):
    logs = finished / "logs"
    training, probes = read_rows(logs / "training.csv"), read_rows(logs / "probe.csv")
    figures = draw_figures(logs, training, probes)
    loss = figures["losses"].axes[0].get_lines()[0]
    assert loss.get_ydata().tolist() == [row["prediction"] for row in training]
    for axes, step in zip(figures["similarity"].axes, (0, 6), strict=False):
        np.testing.assert_array_equal(
            axes.get_images()[0].get_array(), np.load(logs / f"similarity/{step:09d}.npy")
        )
        assert axes.get_title(loc="left") == f"Step {step}"
    bars = figures["examples"].axes[2].containers[1]
    latest = np.load(logs / "logits/000000006.npy")
    shown = latest[0, read_examples(logs / "examples.npz").numbers[0]]
    assert [bar.get_height() for bar in bars] == pytest.approx(shown.tolist())


def page_of(run):
    """The page without its pictures."""
    logs = run / "logs"
    return make_page(run, read_rows(logs / "training.csv"), read_rows(logs / "probe.csv"), {})


def test_a_collapse_is_in_the_report(run):
    path = run / "logs" / "probe.csv"
    rows = read_rows(path)
    path.unlink()
    keep_rows(path, PROBE_COLUMNS, 0)
    for row in rows:
        append_row(path, {**row, "warmup_steps": 2, "effective_rank": 1.01})
    page = page_of(run)
    assert page.state == "collapsed"
    assert '<div class="verdict collapsed"><strong>collapsed</strong>' in page.html()
    for part in ("effective rank is 1.0", "lower learning rate", "WARNING at step 3: collapsed."):
        assert part in page.html()


def test_a_run_that_has_only_begun_has_a_report(run):
    keep_rows(run / "logs" / "probe.csv", PROBE_COLUMNS, 0)
    (run / "logs" / "training.csv").unlink()
    (run / "config.yaml").unlink()
    text = write_report(run).read_text("utf-8")
    assert page_of(run).state == "too early"
    assert "Step 0 of 6" in text
    assert Page(text).tags.count("img") == 6
    assert not (run / "report" / "pace.png").exists()


def test_a_run_that_was_killed_in_the_middle_of_a_row_has_a_report(run):
    with (run / "logs" / "training.csv").open("a") as file:
        file.write("7,0.4")
    assert page_of(run).progress.startswith("Step 6 of 6")


def test_a_folder_that_is_no_run_and_a_run_without_logs_are_errors_of_one_sentence(tmp_path):
    with pytest.raises(VoCoError, match="not the folder of a pre-training run"):
        write_report(tmp_path)
    (tmp_path / "logs").mkdir()
    with pytest.raises(VoCoError, match="measured nothing yet"):
        write_report(tmp_path)
