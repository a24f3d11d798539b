-- SPDX-License-Identifier: Apache-2.0
-- For wrk: a request with an id of its own each time, of several forms, and a pause behind each answer.
--   wrk -s wrk.lua URL -- RUN-KIND HOST PAUSE_MS

local threads = 0
function setup(thread)
    threads = threads + 1
    thread:set("number", threads)
end

local run, pause, count = "", 0, 0
function init(args)
    run, pause = args[1], tonumber(args[3])
    wrk.headers["Host"] = args[2]
    wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) wrk"
    wrk.headers["Accept"] = "text/html"
end

local forms = {
    {"GET", "/products?page=%d"}, {"GET", "/product/%d"}, {"GET", "/asset/%d.js"}, {"GET", "/search?q=cheese%%20%d"},
    {"POST", "/api/cart?try=%d", "item=17&count=2", "application/x-www-form-urlencoded"},
    {"POST", "/api/order?try=%d", '{"item":"cheese","count":2}', "application/json"},
}

function request()
    count = count + 1
    local form = forms[count % #forms + 1]
    local headers = {["X-Lab-Id"] = string.format("%s-%d.%d", run, number, count), ["Content-Type"] = form[4]}
    for name, value in pairs(wrk.headers) do headers[name] = value end
    return wrk.format(form[1], string.format(form[2], count), headers, form[3])
end

-- The first time of each connection, they would all begin at once.
function delay()
    return pause
end
