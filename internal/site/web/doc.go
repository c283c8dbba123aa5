// Package web is what every page needs: the template renderer, hashed static files, security headers, cookies, form
// tokens, the client's address, the request log, and one funnel that turns an error into status, page and log line. It
// contains no rule of the product.
//
// A page is a struct with a Frame method, with its template in the same folder. A site package embeds its templates and
// scripts and gives them to New:
//
//	assets, err := web.NewAssets(web.Static(), prompt.Files())
//	pages, err := web.New(web.Config{Assets: assets, Templates: []fs.FS{prompt.Files()}, …})
//	err = pages.Write(w, r, http.StatusOK, prompt.Push{…})
//
// The order of the middleware, outermost first, is RequestLog, Headers, SameOrigin, the router. Each route is a Handler
// wrapped by Site.Handle.
package web
