// A request that fails must not leave a switch in a state that was never saved.
const failed = (event) => {
    const form = event.detail.elt.closest("form");
    if (form) form.reset();
    document.getElementById("no-answer").hidden = false;
};
document.addEventListener("htmx:sendError", failed);
document.addEventListener("htmx:responseError", failed);
// A screen reader is told how a revision goes on, and where a new page begins.
const announce = () => {
    const sentence = document.querySelector("#outcome .sentence");
    const said = document.getElementById("said");
    if (!sentence || !said) return;
    const text = sentence.textContent.trim();
    if (said.textContent !== text) said.textContent = text;
};
window.setTimeout(announce, 500); // after the page's own title was read
document.addEventListener("htmx:afterSettle", (event) => {
    announce();
    const lost = document.activeElement === document.body;
    const main = document.getElementById("main");
    if (event.detail.boosted && lost && main) main.focus({ preventScroll: true });
});
