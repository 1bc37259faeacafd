# Debian's ruby-fcgi: notes each run in the file RUNS, waits ms, and says what it was asked.
require "fcgi"

FCGI.each do |request|
  query = request.env["QUERY_STRING"].to_s.split("&").to_h { |item| item.split("=", 2) }
  method = request.env["REQUEST_METHOD"]
  body = request.in.read.to_s
  File.open(ENV["RUNS"], "a") { |runs| runs.syswrite("#{method} #{query["id"]}\n") }
  sleep(query["ms"].to_i / 1000.0)
  request.out.print("Content-Type: text/plain\r\n\r\n#{method} #{query["id"]} #{body}")
  request.finish
end
