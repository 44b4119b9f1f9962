import { images } from './images.json'

const covers = import.meta.glob('./covers/*.jpg', { eager: true, query: '?url', import: 'default' })
document.querySelector('main').innerHTML = Object.entries(covers).map(([path, url]) => {
  const { width, height, placeholder, srcset } = images[path.slice('./covers/'.length)]
  return `<picture><source type="image/avif" srcset="${srcset.avif}"><img src="${url}" srcset="${srcset.jpeg}" width="${width}" height="${height}" style="background:url(${placeholder})"></picture>`
}).join('')
