// net/http/fcgi, which takes all requests that come; several.c says by what words it is asked.
package main

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"net/http"
	"net/http/fcgi"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const clockThreadCPU = 3 // CLOCK_THREAD_CPUTIME_ID; getrusage(2) is only as good as the tick

var (
	running int32
	kept    [][]byte
)

func number(query url.Values, name string) int {
	n, _ := strconv.Atoi(query.Get(name))
	return n
}

func note(line string) {
	if os.Getenv("RUNS") == "" {
		return
	}
	runs, err := os.OpenFile(os.Getenv("RUNS"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(runs, line)
	runs.Close()
}

func cpu() time.Duration {
	var now syscall.Timespec
	_, _, err := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPU,
		uintptr(unsafe.Pointer(&now)), 0)
	if err != 0 {
		log.Fatal(err)
	}
	return time.Duration(now.Nano())
}

func burn(d time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for until := cpu() + d; cpu() < until; {
	}
}

func work(w http.ResponseWriter, query url.Values) {
	if mb := number(query, "mb"); mb > 0 {
		kept = append(kept, bytes.Repeat([]byte("m"), mb<<20))
	}
	if number(query, "head") != 0 {
		fmt.Fprintln(w, "the first half")
		w.(http.Flusher).Flush()
	}
	time.Sleep(time.Duration(number(query, "ms")) * time.Millisecond)
	if ms := number(query, "burn"); ms > 0 {
		burn(time.Duration(ms) * time.Millisecond)
	}
	switch query.Get("do") {
	case "abort":
		syscall.Kill(os.Getpid(), syscall.SIGABRT)
		time.Sleep(time.Hour)
	case "exit":
		os.Exit(0)
	case "hang":
		time.Sleep(time.Hour)
	}
}

func serve(w http.ResponseWriter, r *http.Request) {
	beside := atomic.AddInt32(&running, 1)
	defer atomic.AddInt32(&running, -1)
	query := r.URL.Query()
	sum := crc32.NewIEEE()
	length, err := io.Copy(sum, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	note(fmt.Sprintf("%s %d\n", r.Method, number(query, "id")))
	w.Header().Set("Content-Type", "text/plain")
	work(w, query)
	fmt.Fprintf(w, "{\"pid\": %d, \"thread\": 0, \"method\": \"%s\", \"id\": %d, \"beside\": %d, "+
		"\"length\": %d, \"crc32\": %d}\n", os.Getpid(), r.Method, number(query, "id"), beside,
		length, sum.Sum32())
	if n := number(query, "bytes"); n > 0 {
		w.Write(bytes.Repeat([]byte("z"), n))
	}
}

func main() {
	log.Fatal(fcgi.Serve(nil, http.HandlerFunc(serve)))
}
