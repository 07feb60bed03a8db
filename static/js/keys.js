// “g” and a letter go to a page; “/” searches; “?” lists the keys.
const pages = {
    d: "/", s: "/search/", p: "/protection/", e: "/entries/", o: "/domains/", t: "/rehearsal/", r: "/review/", h: "/history/",
};
let going = false;
document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest("input, textarea, select")) return;
    if (going && pages[event.key]) window.location.assign(pages[event.key]);
    going = event.key === "g";
    const box = document.querySelector("input[type=search]");
    if (event.key === "/" && box) {
        event.preventDefault();
        box.select();
    }
    if (event.key === "?") {
        window.alert(
            "g d dashboard · g s mail search · g p protection · g e allow and deny · g o own domains\n" +
            "g t rehearsal · g r review · g h history · / search",
        );
    }
});
