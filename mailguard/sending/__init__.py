"""How people and devices send: 587, 465, AUTH on 25, trusted networks."""
