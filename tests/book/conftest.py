"""A browser for the built pages.

The driver is the system's own; Selenium is never asked to fetch one.
"""

import shutil

import pytest

BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
DRIVER = shutil.which("chromedriver")
PATIENCE = 600  # seconds for one page; a busy machine of two slow processors took over 120
# A page that no window shows would have its timers held back.
AWAKE = (
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium, which logs errors and requests."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if BROWSER is None or DRIVER is None:
        pytest.skip("no Chromium or no chromedriver is installed")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    plain = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")
    for flag in (*plain, *AWAKE):
        options.add_argument(flag)
    options.add_argument("--window-size=1280,1000")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.command_executor.client_config.timeout = PATIENCE
    driver.set_page_load_timeout(PATIENCE)
    driver.set_script_timeout(PATIENCE / 3)
    yield driver
    driver.quit()
