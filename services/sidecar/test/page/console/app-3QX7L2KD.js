const main = document.querySelector("main");
main?.append(" Its script runs. ", "The same text again and again. ".repeat(3));
main?.append("The same text again and again. ", "The same text again and again. ");
