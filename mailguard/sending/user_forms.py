"""The box that is ticked before people can no longer sign in on port 25."""

from crispy_forms.helper import FormHelper
from django import forms

from mailguard.traffic.people import Still

__all__ = ["AuthOffForm"]


class AuthOffForm(forms.Form):
    """`told` has to be ticked where somebody would be unable to send."""

    def __init__(self, still: Still, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        if still.people:
            count = len(still.people)
            those = "1 user" if count == 1 else f"{count:,} users"
            self.fields["told"] = forms.BooleanField(
                label=f"I know that {those} will be unable to send until they change "
                "to port 587 or 465.",
                error_messages={
                    "required": "Nothing was changed: tick this box first, or leave it "
                    "as it is."
                },
            )

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it; the page adds the buttons."""
        helper = FormHelper()
        helper.form_tag = False
        return helper
