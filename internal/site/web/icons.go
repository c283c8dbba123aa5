package web

import "html/template"

// strokes holds the drawing of each icon on a grid of 24 by 24, with round strokes of 1.75 in the color of the text
// around it.
var strokes = map[string]string{
	"phone":    `<rect x="7" y="2.5" width="10" height="19" rx="2.5"/><path d="M11 18.5h2"/>`,
	"tablet":   `<rect x="4.5" y="2.5" width="15" height="19" rx="2.5"/><path d="M10.5 18.5h3"/>`,
	"computer": `<rect x="4" y="4.5" width="16" height="11" rx="2"/><path d="M2.5 19.5h19"/>`,
	"code":     `<rect x="2.5" y="6.5" width="19" height="11" rx="2.5"/><path d="M7 12h.01M12 12h.01M17 12h.01" stroke-width="2.6"/>`,
	"mail":     `<rect x="2.5" y="5" width="19" height="14" rx="2.5"/><path d="m3.5 7.5 8.5 6 8.5-6"/>`,
	"check":    `<path d="m4.5 12.5 5 5 10-11"/>`,
	"alert":    `<path d="M12 3.5 2.5 20h19zM12 10v4.5M12 17.2v.01"/>`,
	"lock":     `<rect x="4.5" y="10.5" width="15" height="10.5" rx="2.5"/><path d="M8 10.5V7.5a4 4 0 0 1 8 0v3"/>`,
	"pencil":   `<path d="m4 20 1-4.5L16.5 4l3.5 3.5L8.5 19zM14 6.5l3.5 3.5"/>`,
	"trash":    `<path d="M4 6.5h16M9.5 6.5V4h5v2.5M6 6.5 7 20.5h10l1-14M10 10.5v6M14 10.5v6"/>`,
	"plus":     `<path d="M12 5v14M5 12h14"/>`,
	"arrow":    `<path d="M4.5 12h15M13.5 6l6 6-6 6"/>`,
	"question": `<circle cx="12" cy="12" r="9"/><path d="M9.5 9.5a2.5 2.5 0 1 1 3.6 2.25c-.8.400-1.1.900-1.1 1.75M12 16.7v.01"/>`,
	"copy":     `<rect x="8.5" y="8.5" width="12" height="12" rx="2.5"/><path d="M15.5 5.5v-.5A1.5 1.5 0 0 0 14 3.5H5A1.5 1.5 0 0 0 3.5 5v9A1.5 1.5 0 0 0 5 15.5h.5"/>`,
	"eye":      `<path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z"/><circle cx="12" cy="12" r="2.8"/>`,
	"person":   `<circle cx="12" cy="8" r="4"/><path d="M4.5 20.5c1-4 4-6 7.5-6s6.5 2 7.5 6"/>`,
}

// Icon returns an icon as inline SVG. It is hidden from screen readers, because the words next to it say what it means.
// An unknown name gives nothing.
func Icon(name string) template.HTML {
	s, ok := strokes[name]
	if !ok {
		return ""
	}
	turn := ""
	if name == "arrow" {
		turn = " turns" // mirrored in right-to-left pages
	}
	return template.HTML(`<svg class="icon` + turn + `" viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">` + s + `</svg>`)
}

// mark is the product's logo: a light stroke and a white one that completes it to a check mark. markgen paints the same
// logo as PNG, with the same numbers.
const mark = template.HTML(`<svg class="mark" viewBox="0 0 64 64" width="32" height="32" aria-hidden="true">` + markDrawing + `</svg>`)

const markDrawing = `<rect width="64" height="64" rx="16" fill="#2153d2"/><g fill="none" stroke-width="7.5" stroke-linecap="round"><path stroke="#9db8ff" d="M15 31 27 45"/><path stroke="#fff" d="M27 45 50 19"/></g>`
