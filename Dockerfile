FROM node:22-slim AS scripts
WORKDIR /repo
COPY clients clients
COPY src/Portal/Client src/Portal/Client
RUN cd src/Portal/Client && npm ci && npm run build && touch dist/bundled

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /repo
COPY . .
COPY --from=scripts /repo/src/Portal/Client/dist src/Portal/Client/dist
RUN dotnet publish src/Host -c Release -o /app && mkdir -p /volumes/data

# With ICU, which names of files need, and libvips, which makes the pictures of sites (docs/assets.md). Chiseled images take no packages.
FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble
RUN apt-get update && apt-get install -y --no-install-recommends libvips42t64 && rm -rf /var/lib/apt/lists/*
COPY --from=build /app /app
COPY --from=build --chown=1654:1654 /volumes /
WORKDIR /data
ENV ASPNETCORE_URLS=http://+:8080 Storage__Folder=/data/storage Mail__Folder=/data/mail Logging__Console__FormatterName=json
EXPOSE 8080
USER app
ENTRYPOINT ["dotnet", "/app/Host.dll"]
