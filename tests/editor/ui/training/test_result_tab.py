"""The result: checked, shown, installed, used, and back."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.editor.ui.training.conftest import Bench


def trained(bench: Bench, name: str = "blue") -> Bench:
    bench.pairs.entries = (bench.pair(0), bench.pair(1))
    bench.train(name)
    bench.wait(lambda: bench.trainer.state.phase == "done")
    bench.page.tabs.setCurrentWidget(bench.page.result_tab)
    return bench


def test_nothing_to_judge(bench: Bench) -> None:
    tab = bench.page.result_tab
    assert tab.stack.currentWidget() is tab.nothing


def test_check_install_use_and_go_back(bench: Bench) -> None:
    tab = trained(bench).page.result_tab
    assert tab.stack.currentWidget() is tab.ready and tab.ready.title.text() == "blue has learnt all it was given"
    tab.ready.check.click()
    assert tab.stack.currentWidget() is tab.working
    bench.wait(lambda: bench.trainer.state.report is not None)
    assert tab.stack.currentWidget() is tab.judged and tab.verdict.text().startswith("Much better")
    said = tab.held_out.table.texts()
    first = said.index("Closeness (PSNR)")
    assert said[first : first + 4] == ["Closeness (PSNR)", "14.2 dB", "23.9 dB", "+9.7 dB"] and "-15.1" in said
    assert tab.held_out.view.canvas.picture is not None and tab.general.view.canvas.picture is not None
    assert tab.general.table.texts()[-4:] == ["Closeness (PSNR)", "27.3 dB", "27.1 dB", "-0.2 dB"]
    assert tab.name.text() == "blue" and tab.use.isHidden() and tab.back.isHidden()
    tab.name.setText("my-blue")
    tab.install.click()
    bench.wait(lambda: bench.trainer.state.phase == "installed")
    assert [package.name for package in bench.store.list()] == ["starter", "my-blue"]
    assert tab.says.text() == "my-blue is installed beside the others." and tab.install.isHidden()
    bases = bench.page.train_tab.form.base
    assert [bases.itemText(row) for row in range(bases.count())] == ["starter", "my-blue"]  # it can be trained further
    bench.used = "another"
    tab.use.click()
    assert bench.used == "my-blue" and tab.back.text() == "Go back to another" and not tab.use.isEnabled()
    tab.back.click()
    assert bench.used == "another" and tab.back.isHidden() and tab.use.isEnabled()


def test_a_name_that_is_taken_is_said_in_place(bench: Bench) -> None:
    tab = trained(bench).page.result_tab
    tab.ready.check.click()
    bench.wait(lambda: bench.trainer.state.report is not None)
    tab.name.setText("starter")
    tab.install.click()
    bench.wait(lambda: not bench.trainer.state.busy)
    assert "installed already" in tab.says.text() and tab.says.property("role") == "error"
    assert tab.name.text() == "starter" and tab.install.isEnabled()
    tab.name.clear()
    assert not tab.install.isEnabled()


def test_a_check_that_fails_says_why(bench: Bench) -> None:
    tab = trained(bench, "unpackable").page.result_tab
    tab.ready.check.click()
    bench.wait(lambda: not bench.trainer.state.busy)
    assert tab.stack.currentWidget() is tab.ready and tab.ready.error.text().startswith("The disk is full")


def test_the_pictures_grow_with_a_key(bench: Bench) -> None:
    tab = trained(bench).page.result_tab
    tab.ready.check.click()
    bench.wait(lambda: bench.trainer.state.report is not None)
    view = tab.held_out.view
    bench.page.resize(500, 700)
    view.resize(400, 300)
    fitted = view.canvas.width()
    assert fitted <= view.viewport().width() < 640
    QTest.keyClick(view, Qt.Key.Key_Space)
    picture = view.canvas.picture
    assert picture is not None and view.canvas.width() == picture.width() > fitted


def test_the_pictures_have_most_of_a_small_page(bench: Bench) -> None:
    page = trained(bench).page
    page.result_tab.ready.check.click()
    bench.wait(lambda: bench.trainer.state.report is not None)
    page.resize(697, 645)
    bench.qtbot.wait(50)
    view = page.result_tab.held_out.view
    assert page.height() == 645 and view.height() > 0.35 * page.height()
    assert view.width() > 0.9 * page.width()


def test_the_focus_does_not_fall_on_close(bench: Bench) -> None:
    tab = trained(bench).page.result_tab
    tab.ready.check.click()
    bench.wait(lambda: bench.trainer.state.report is not None)
    tab.name.setText("my-blue")
    tab.install.setFocus()
    QTest.keyClick(tab.install, Qt.Key.Key_Space)
    bench.wait(lambda: bench.trainer.state.phase == "installed")
    assert bench.page.focusWidget() is bench.page.tabs.tabBar()
    QTest.keyClick(bench.page.tabs.tabBar(), Qt.Key.Key_Space)
    assert bench.page.isVisible()


def test_a_name_that_the_terminal_made_up_is_not_suggested(bench: Bench) -> None:
    tab = trained(bench, "starter-20261121-154934").page.result_tab
    tab.ready.check.click()
    bench.wait(lambda: bench.trainer.state.report is not None)
    assert tab.name.text() == "blue-and-orange-duotone"
