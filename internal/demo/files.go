package demo

import (
	"embed"
	"io/fs"
)

//go:embed *.tmpl *.html *.css *.js
var files embed.FS

// Files is the folder's templates, styles and scripts, for the renderer and the assets.
func Files() fs.FS { return files }
