package demo

import (
	"embed"
	"io/fs"
)

//go:embed *.tmpl *.html *.css *.js
var files embed.FS

// Files holds the templates, styles and scripts of this folder, for the renderer and the assets.
func Files() fs.FS { return files }
