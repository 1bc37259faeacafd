# A Rack application: says what it was asked, and counts the bytes of a body. Sinatra, Hanami and
# Rails applications have such a file, too.

# What is the same for all requests is done here, once. With pm.preload all workers share it;
# connect to a database at the first request, for each needs its own.

run lambda { |env|
  bytes = env["rack.input"].read.bytesize
  if bytes < env["CONTENT_LENGTH"].to_i
    env["rack.errors"].print "the body ends after #{bytes} bytes\n"
    next [400, {}, []]
  end
  [200, { "Content-Type" => "text/plain" },
   ["#{env["REQUEST_METHOD"]} #{env["REQUEST_URI"]}, #{bytes} bytes\n"]]
}
