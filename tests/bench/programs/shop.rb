# A Rack application with some of Ruby's library, and a page made by ERB.
require "csv"
require "erb"
require "json"
require "logger"
require "net/http"
require "rack"
require "rack/handler/fastcgi"
require "yaml"

GOODS = (1..5000).to_h { |n| [n, { name: "good #{n}", price: n * 7 % 1000 }] }
PAGE = ERB.new("<h1>Goods</h1><% rows.each do |n, row| %><p><%= n %>: <%= row[:name] %>, " \
               "<%= row[:price] %></p><% end %>")

shop = lambda do |env|
  first = Rack::Utils.parse_query(env["QUERY_STRING"])["id"].to_i.clamp(1, 4900)
  rows = (first...first + 20).to_h { |n| [n, GOODS[n]] }
  [200, { "Content-Type" => "text/html", "X-Worker" => Process.pid.to_s }, [PAGE.result(binding)]]
end

application = Rack::Builder.new { map("/") { run shop } }.to_app
# Rack loads its parts at their first use: let that be now, and not in each worker.
Rack::MockRequest.new(application).get("/?id=1")
Rack::Handler::FastCGI.run(application)
