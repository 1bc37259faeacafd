-- A WSAPI application in Lua: says what it was asked, and counts the bytes of a body.
local fastcgi = require "wsapi.fastcgi"

-- What is the same for all requests is done here, once.

local function hello(env)
	local bytes, chunk = 0, nil
	repeat
		chunk = env.input:read(math.min(65536, env.input.length - bytes))
		bytes = bytes + #(chunk or "")
	until not chunk or #chunk == 0
	if bytes < env.input.length then
		env.error:write("hello: the body ends after " .. bytes .. " bytes\n")
		return 400, {}, function () end
	end
	local body = coroutine.wrap(function ()
		coroutine.yield(env.REQUEST_METHOD .. " " .. env.REQUEST_URI .. ", " .. bytes .. " bytes\n")
	end)
	return 200, { ["Content-Type"] = "text/plain" }, body
end

-- An error is answered with status 500, and is in the log; the worker goes on.
fastcgi.run(hello)
