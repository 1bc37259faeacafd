// net/http/fcgi: notes each run in the file RUNS, waits ms, and says what it was asked.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/fcgi"
	"os"
	"strconv"
	"time"
)

func echo(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	runs, err := os.OpenFile(os.Getenv("RUNS"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(runs, "%s %s\n", r.Method, query.Get("id"))
	runs.Close()
	ms, _ := strconv.Atoi(query.Get("ms"))
	time.Sleep(time.Duration(ms) * time.Millisecond)
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprintf(w, "%s %s %s", r.Method, query.Get("id"), body)
}

func main() {
	log.Fatal(fcgi.Serve(nil, http.HandlerFunc(echo)))
}
