// A request that fails must not leave a switch in a state that was never saved.
const failed = (event) => {
    const form = event.detail.elt.closest("form");
    if (form) form.reset();
    document.getElementById("no-answer").hidden = false;
};
document.addEventListener("htmx:sendError", failed);
document.addEventListener("htmx:responseError", failed);
// What was wrong with a form, or what came of it, may stand far down a long page.
const inView = () => {
    const found = document.querySelector("#main .is-invalid, #main [data-answer]");
    if (!found) return;
    found.scrollIntoView({ block: "center", behavior: "instant" });
    if (found.classList.contains("is-invalid")) found.focus({ preventScroll: true });
};
inView();
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
    if (event.detail.boosted) window.setTimeout(inView, 0); // after htmx went to the top
});
