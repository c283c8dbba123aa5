// Package web is the plumbing under every page: the template renderer, hashed static files,
// security headers, cookies, form tokens, the client's address, the request log, and one
// funnel that turns an error into status, page and log line. It holds no rule of the product.
//
// A page is a struct with a Frame method; its template stands beside it. A site package
// embeds its templates and scripts and hands them to New:
//
//	assets, err := web.NewAssets(web.Static(), prompt.Files())
//	pages, err := web.New(web.Config{Assets: assets, Templates: []fs.FS{prompt.Files()}, …})
//	err = pages.Write(w, r, http.StatusOK, prompt.Push{…})
//
// Middleware order, outermost first: Log, Headers, SameOrigin, the mux; each route is a
// Handler wrapped by Site.Handle.
package web
