# A FastCGI program in Ruby, with fcgi: says what it was asked, and counts the bytes of a body.
require "fcgi"

# What is the same for all requests is done here, once. With pm.preload all workers share it;
# connect to a database at the first request, for each needs its own.

def answer(request)
  env = request.env
  bytes = request.in.read.to_s.bytesize
  if bytes < env["CONTENT_LENGTH"].to_i
    request.err.print "hello: the body ends after #{bytes} bytes\n"
    return request.out.print "Status: 400 Bad Request\r\n\r\n"
  end
  request.out.print "Content-Type: text/plain\r\n\r\n",
                    "#{env["REQUEST_METHOD"]} #{env["REQUEST_URI"]}, #{bytes} bytes\n"
end

# A connection has one request here, whatever it is asked for; anyfpm connects again.
FCGI.each do |request|
  answer(request)
rescue StandardError => e
  # A request that fails is no reason to start a new worker.
  request.err.print "hello: #{e.full_message}\n"
  request.out.print "Status: 500 Internal Server Error\r\n\r\n"
ensure
  request.finish
end
