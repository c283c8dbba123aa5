// Package compat runs real, unmodified Duo clients against the built program: here the official
// Go client and Debian's login_duo and pam_duo, beside it (websdk_npm.test.mjs) the official Node client. Only host name,
// keys and certificate authority are ours. The same clients meet the program while its disk is full, its database
// is lost or it is killed.
package compat
