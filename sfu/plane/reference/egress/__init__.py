"""One subscriber's seat stream: the rules R1 to R14 of SEATS.md. Sans-IO; time is passed in."""
