// Light or dark, as the system has it; Bootstrap reads the attribute.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => {
    document.documentElement.dataset.bsTheme = dark.matches ? "dark" : "light";
    document.documentElement.classList.add("js");
};
dark.addEventListener("change", follow);
follow();
