// A button that copies a text; without scripts the text can be marked by hand.
const offer = () => {
    for (const button of document.querySelectorAll("[data-copies]")) button.hidden = false;
};
document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copies]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copies);
    text.select();
    try {
        await navigator.clipboard.writeText(text.value);
        button.textContent = "Copied";
    } catch {
        button.textContent = "Marked: press Ctrl and C"; // no clipboard without HTTPS
    }
});
document.addEventListener("htmx:afterSettle", offer);
offer();
